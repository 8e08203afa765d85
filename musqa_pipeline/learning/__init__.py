"""How something is learned: networks, training, data, baselines; knows no lake."""
