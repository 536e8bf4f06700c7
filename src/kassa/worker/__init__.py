"""The worker: consumes what is due, sweeps up what the queue has lost, and keeps house."""
