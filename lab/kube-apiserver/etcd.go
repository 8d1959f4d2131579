package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd starts an etcd that listens only on a Unix socket in dir, and returns its endpoint. The socket's path must
// not be longer than 107 bytes, the limit of Unix sockets on Linux.
func startEtcd(ctx context.Context, dir string) (endpoint string, err error) {
	socket := url.URL{Scheme: "unix", Path: filepath.Join(dir, "etcd.sock")}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.ListenClientUrls = []url.URL{socket}
	config.ListenPeerUrls = nil
	config.UnsafeNoFsync = true
	config.LogLevel = "error"

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("starting etcd in %s: %w", dir, err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return socket.String(), nil
	case err := <-etcd.Err():
		return "", fmt.Errorf("running etcd: %w", err)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
