"""Recipes that train the judges of `langit.evaluate`: the probes and the tracker."""
