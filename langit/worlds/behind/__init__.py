"""The world behind-1, about object permanence: a thing passes behind another one and comes out again."""
