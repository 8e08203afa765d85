"""An intrusive network after InSE-NET: it sees the reference beside the degraded signal."""
