#!/bin/sh
# Runs after an installation and after an upgrade. A new installation is not started: it has no configuration yet.
set -e
systemd-sysusers /usr/lib/sysusers.d/vault-k8s-auth-exporter.conf
# Tokens and certificates belong here: readable by the exporter, writable by root.
chgrp vault-k8s-auth-exporter /etc/vault-k8s-auth-exporter
chmod 0750 /etc/vault-k8s-auth-exporter
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart vault-k8s-auth-exporter.service
fi
