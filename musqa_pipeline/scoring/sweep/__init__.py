"""Rate-quality curves of codecs, by ViSQOL and by the model, and BD-rate between two codecs."""
