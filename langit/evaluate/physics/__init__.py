"""Falls, directions and object permanence in a model's videos, measured by a tracker."""
