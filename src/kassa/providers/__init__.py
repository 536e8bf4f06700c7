"""Who moves the money: the simulated bank, which runs anywhere, and payment providers behind one interface."""
