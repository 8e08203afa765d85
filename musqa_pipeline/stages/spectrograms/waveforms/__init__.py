"""The stage `waveforms`: excerpts as networks on waveforms hear them."""
