package probetest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// exporterScenarios are failures of the exporter itself, or of its files, host or proxy.
var exporterScenarios = []Scenario{
	same("exporter_ca_unreadable", proven(diagnose.ExporterCAUnreadable), func(w *World) { w.Target.Vault.CACert += ".gone" }),
	bare("exporter_ca_unreadable_empty", proven(diagnose.ExporterCAUnreadable), func(w *World) { w.Target.Vault.CACert = w.File("ca.crt", "") }),
	bare("exporter_ca_unreadable_named_pipe", proven(diagnose.ExporterCAUnreadable), func(w *World) { w.Target.Vault.CACert = w.namedPipe() }),
	bare("exporter_ca_unreadable_endless", proven(diagnose.ExporterCAUnreadable), func(w *World) { w.Target.Vault.CACert = "/dev/zero" }),
	bare("exporter_ca_unreadable_client_key", proven(diagnose.ExporterCAUnreadable), func(w *World) {
		w.Target.Vault.ClientCert, w.Target.Vault.ClientKey = w.DemandClientCertificate()
		w.Target.Vault.ClientKey = w.File("tls.key", Mark)
	}),
	bare("exporter_ca_unreadable_client_expired", proven(diagnose.ExporterCAUnreadable), func(w *World) {
		w.Target.Vault.ClientCert, w.Target.Vault.ClientKey = w.demandClientCertificate(expired)
	}),
	bare("exporter_ca_unreadable_not_minted", proven(diagnose.ExporterCAUnreadable), func(w *World) {
		w.MintCanary()
		w.Target.Kubernetes.CACert += ".gone"
	}),
	same("kubernetes_unreachable_from_exporter_ca", warned(diagnose.KubernetesUnreachableFromExporter), func(w *World) {
		w.Target.Kubernetes.CACert += ".gone"
	}),
	same("unexplained_kubernetes_ca_gone", Verdict{diagnose.Unexplained, diagnose.ByElimination, diagnose.KubernetesUnreachableFromExporter}, func(w *World) {
		w.DropReviewer()
		w.Target.Kubernetes.CACert += ".gone"
	}),
	same("mount_missing_kubernetes_ca_gone", Verdict{diagnose.MountMissing, diagnose.Proven, diagnose.KubernetesUnreachableFromExporter}, func(w *World) {
		w.Target.Kubernetes.CACert += ".gone"
		w.Vault.Change(func(v *Vault) { delete(v.Mounts, "kubernetes") })
	}),

	same("exporter_resources", proven(diagnose.ExporterResources), failingDial(syscall.EMFILE, bothEnds)),
	bare("exporter_resources_host", proven(diagnose.ExporterResources), failingDial(syscall.ENFILE, bothEnds)),
	bare("exporter_resources_ports", proven(diagnose.ExporterResources), failingDial(syscall.EADDRNOTAVAIL, vaultEnd)),
	bare("kubernetes_unreachable_from_exporter_resources", warned(diagnose.KubernetesUnreachableFromExporter), failingDial(syscall.EMFILE, kubernetesEnd)),

	same("exporter_proxy", proven(diagnose.ExporterProxy), through(bothEnds, func(w *World) string { return "http://" + w.Refused() })),
	bare("exporter_proxy_dns", proven(diagnose.ExporterProxy), through(vaultEnd, func(*World) string { return "http://user:" + Mark + "@proxy..svc:3128" })),
	bare("exporter_proxy_socks", proven(diagnose.ExporterProxy), through(vaultEnd, func(w *World) string { return "socks5://" + w.Refused() })),
	bare("exporter_proxy_forbidden", proven(diagnose.ExporterProxy), through(vaultEnd, proxyAnswering(HTML(403)))),
	bare("exporter_proxy_password", proven(diagnose.ExporterProxy), through(vaultEnd, proxyAnswering(HTML(407)))),
	bare("exporter_proxy_unavailable", byElimination(diagnose.ExporterProxy), through(vaultEnd, proxyAnswering(HTML(503)))),
	bare("exporter_proxy_timeout", byElimination(diagnose.ExporterProxy), hanging(through(vaultEnd, func(w *World) string { return "http://" + w.Silent() }))),
	bare("exporter_proxy_timeout_tls", byElimination(diagnose.ExporterProxy), hanging(through(vaultEnd, func(w *World) string { return "https://" + w.Silent() }))),
	bare("exporter_proxy_plain_http", proven(diagnose.ExporterProxy), func(w *World) {
		w.Target.Vault.Addr = "http://" + w.ServePlain(w.Vault)
		through(vaultEnd, proxyAnswering(HTML(407)))(w)
	}),
	bare("kubernetes_unreachable_from_exporter_proxy", warned(diagnose.KubernetesUnreachableFromExporter),
		through(kubernetesEnd, func(w *World) string { return "http://" + w.Refused() })),
	bare("healthy_through_proxy", well, through(bothEnds, proxyAnswering(connect))),
	bare("vault_timeout_through_proxy", proven(diagnose.VaultTimeout), hanging(func(w *World) {
		w.Target.Vault.Addr = "https://" + w.Silent()
		through(vaultEnd, proxyAnswering(connect))(w)
	})),
	bare("vault_tls_untrusted_through_proxy", proven(diagnose.VaultTLSUntrusted), func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, newAuthority("other"), nil)
		through(vaultEnd, proxyAnswering(connect))(w)
	}),

	twin("exporter_forbidden", func(w *World) {
		w.MintCanary()
		w.powerlessIdentity()
	}),
	bare("exporter_forbidden_no_identity", proven(diagnose.ExporterForbidden), func(w *World) {
		w.MintCanary()
		w.Target.Kubernetes.TokenFile = ""
	}),
	bare("exporter_internal_error", proven(diagnose.ExporterInternalError), func(w *World) { w.Panic = true }),
}

// anEnd reports whether an address belongs to a server that a scenario is about.
type anEnd func(w *World, address string) bool

func bothEnds(*World, string) bool { return true }
func vaultEnd(w *World, address string) bool {
	return strings.HasSuffix(w.Target.Vault.Addr, "//"+address)
}
func kubernetesEnd(w *World, address string) bool {
	return strings.HasSuffix(w.Target.Kubernetes.Host, "//"+address)
}

// failingDial makes connections to one end fail with this error.
func failingDial(cause syscall.Errno, to anEnd) func(*World) {
	return func(w *World) {
		var dialer net.Dialer
		w.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if !to(w, address) {
				return dialer.DialContext(ctx, network, address)
			}
			resolved, err := net.ResolveTCPAddr(network, address)
			if err != nil {
				return nil, err
			}
			return nil, &net.OpError{Op: "dial", Net: network, Addr: resolved, Err: os.NewSyscallError("socket", cause)}
		}
	}
}

// through makes the exporter use a proxy for one end.
func through(to anEnd, proxy func(*World) string) func(*World) {
	return func(w *World) {
		at, err := url.Parse(proxy(w))
		if err != nil {
			w.t.Fatal(err)
		}
		w.Network.Proxy = func(r *http.Request) (*url.URL, error) {
			if !to(w, r.URL.Host) {
				return nil, nil
			}
			return at, nil
		}
	}
}

func proxyAnswering(answer http.HandlerFunc) func(*World) string {
	return func(w *World) string { return "http://" + w.ServePlain(answer) }
}

// connect is a proxy that supports CONNECT.
func connect(w http.ResponseWriter, r *http.Request) {
	server, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	var copying sync.WaitGroup
	copying.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	copying.Wait()
}

func (w *World) namedPipe() string {
	path := w.File("pipe", "")
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}
