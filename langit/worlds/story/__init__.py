"""The second world: puppies at play, a traveller in a knitted helmet, and what passes the window of a train."""
