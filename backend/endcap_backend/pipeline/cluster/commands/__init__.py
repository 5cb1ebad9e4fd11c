"""The cluster's commands of `endcap-backend`."""
