"""The stage `nisqa_mels`: mel images as NISQA looks at them, for its family of networks."""
