"""The plan of an M-step: closed forms, blocks and sweep order, proposed and proved on the data."""
