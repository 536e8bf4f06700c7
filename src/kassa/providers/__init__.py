"""Who moves the money: for now the simulated bank, which runs anywhere."""
