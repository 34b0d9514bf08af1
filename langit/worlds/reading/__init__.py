"""From people's words to scenes of worlds: parsing, lexicons in nine languages, the embedded prompt expander."""
