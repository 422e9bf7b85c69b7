"""Finding structure: closed forms, blocks and sweep order, proposed and proved on the data."""
