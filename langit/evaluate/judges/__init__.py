"""Networks that judge videos: the probe and the tracker, trained on rendered films whose content is known."""
