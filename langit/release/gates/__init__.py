"""What may be asked for and what may leave: rules on prompts and on frames, and who consented to be shown."""
