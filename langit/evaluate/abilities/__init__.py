"""What each ability keeps and loses: image to video, extend, loop, connect, edit, long videos."""
