"""Distances between sets of videos: a stated feature network, Fréchet distances, damage that calibrates them."""
