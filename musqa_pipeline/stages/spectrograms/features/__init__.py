"""What networks and baselines read beside the mel image: band images and descriptive features."""
