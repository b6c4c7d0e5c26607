"""An encoding and a model that Tutti does not have, registered through entry points."""
