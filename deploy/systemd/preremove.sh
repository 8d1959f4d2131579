#!/bin/sh
# Stops the exporter when the package is removed, but not when it is upgraded. deb passes "remove" or "upgrade", rpm the number of versions
# that stay.
set -e
case "$1" in
  remove | 0)
    if [ -d /run/systemd/system ]; then
      systemctl disable --now vault-k8s-auth-exporter.service
    fi
    ;;
esac
