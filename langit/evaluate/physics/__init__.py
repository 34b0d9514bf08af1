"""Whether things fall, roll and pass behind others as the simulator lets them."""
