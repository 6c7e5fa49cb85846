"""The steps from an entry of `applications` to a site, each by itself."""
