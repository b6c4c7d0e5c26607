"""One module a claim: us, the peer and the limit, the same work, in one run. See README.md."""
