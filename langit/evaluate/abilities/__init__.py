"""What each ability preserves and loses: image to video, extend, loop, connect, edit, inpaint, long videos."""
