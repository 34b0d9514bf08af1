"""The world story-1: puppies at play, a traveller in a knitted helmet, and the view from the window of a train."""
