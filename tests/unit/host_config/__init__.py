"""host_config: held against the stock modules, and against everything that can go wrong on a host."""
