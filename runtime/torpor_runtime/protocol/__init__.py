"""From request bytes to tensors and back; no sockets and no event loop."""
