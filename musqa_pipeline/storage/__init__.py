"""How tables are kept whole. What cannot be read or written is a `LakeError` of one sentence."""
