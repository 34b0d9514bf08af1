"""The world of what is hidden and still there: a thing passes behind another one and comes out again."""
