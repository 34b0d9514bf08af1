"""Networks that know the truth of rendered films and judge videos by it: the probe and the tracker."""
