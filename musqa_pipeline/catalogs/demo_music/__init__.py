"""The demo catalog: music composed and synthesised from a seed, with no licence attached."""
