package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "k8s.io/api/networking/v1"
)

// TestEgressAllowsPortsAfterTranslation checks the ports that the NetworkPolicy allows to DNS, Vault and the API servers. A policy applies
// after a Service has replaced the port in the URL.
func TestEgressAllowsPortsAfterTranslation(t *testing.T) {
	const dns, apiServer = "UDP/53 TCP/53 UDP/5353 TCP/5353", "TCP/16443 TCP/443 TCP/6443 TCP/8443"
	for text, want := range map[string][]string{
		`{}`: {dns, "TCP/8200", apiServer},
		`vault: {addr: "https://vault.vault.svc"}`:                                                                    {dns, "TCP/443 TCP/8200", apiServer},
		`vault: {addr: "HTTP://vault.vault.svc"}`:                                                                     {dns, "TCP/80 TCP/8200", apiServer},
		`vault: {addr: "https://[fd00::1]:9200/x"}`:                                                                   {dns, "TCP/8200 TCP/9200", apiServer},
		`vault: {addr: "https://vault.{{ .Release.Namespace }}.svc:9200"}`:                                            {dns, "TCP/8200 TCP/9200", apiServer},
		`targets: [{name: a}, {name: b, vault_addr: "https://b:8300"}]`:                                               {dns, "TCP/8200 TCP/8300", apiServer},
		`targets: [{name: a, kubernetes_host: "https://a:7443", kubernetes_token_file: /t}]`:                          {dns, "TCP/8200", "TCP/16443 TCP/443 TCP/6443 TCP/7443 TCP/8443"},
		`networkPolicy: {egress: {vault: {ports: [1]}, apiServer: {ports: [2]}}}`:                                     {dns, "TCP/1", "TCP/2"},
		`networkPolicy: {egress: {dns: {ports: null}, apiServer: {ports: []}}}`:                                       {"UDP TCP", "TCP/8200", "TCP"},
		`{vault: {addr: "", role: ""}, targetsFrom: {existingSecret: a}, reviewer: {mode: file, serviceAccount: ""}}`: {dns, "TCP/8200", apiServer},
	} {
		all := render(t, merged(t, text))
		policy := convert[networking.NetworkPolicy](t, all.only(t, "NetworkPolicy"))
		var got []string
		for _, rule := range policy.Spec.Egress {
			var ports []string
			for _, p := range rule.Ports {
				if p.Port == nil {
					ports = append(ports, string(*p.Protocol))
				} else {
					ports = append(ports, fmt.Sprintf("%s/%d", *p.Protocol, p.Port.IntValue()))
				}
			}
			got = append(got, strings.Join(ports, " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestRoutesToThePage checks the Ingress and the HTTPRoute of the status page.
func TestRoutesToThePage(t *testing.T) {
	all := render(t, merged(t, `{webConfig: {existingSecret: web}, ingress: {enabled: true, hosts: ["{{ .Release.Name }}.example.com", b.example.com]},
		httpRoute: {enabled: true, parentRefs: [{name: public}]}, service: {port: 80}}`))
	ingress := convert[networking.Ingress](t, all.only(t, "Ingress"))
	var hosts []string
	for _, rule := range ingress.Spec.Rules {
		hosts = append(hosts, rule.Host)
		backend := rule.HTTP.Paths[0].Backend.Service
		if backend.Name != release || backend.Port.Name != "metrics" {
			t.Errorf("%s leads to %+v", rule.Host, backend)
		}
	}
	if !slices.Equal(hosts, []string{release + ".example.com", "b.example.com"}) {
		t.Errorf("hosts %q", hosts)
	}
	anyHost := convert[networking.Ingress](t, render(t, merged(t, `{ingress: {enabled: true}}`)).only(t, "Ingress"))
	if len(anyHost.Spec.Rules) != 1 || anyHost.Spec.Rules[0].Host != "" {
		t.Errorf("without hosts the rules are %+v", anyHost.Spec.Rules)
	}
	external := render(t, merged(t, `{externalURL: "https://Exporter.example.com:8443/vault-auth/", ingress: {enabled: true}, httpRoute: {enabled: true, parentRefs: [{name: public}]}}`))
	rule := convert[networking.Ingress](t, external.only(t, "Ingress")).Spec.Rules[0]
	if rule.Host != "exporter.example.com" || rule.HTTP.Paths[0].Path != "/vault-auth" {
		t.Errorf("with an external URL the Ingress is for %s%s", rule.Host, rule.HTTP.Paths[0].Path)
	}
	spec := asJSON(t, external.only(t, "HTTPRoute").Object["spec"])
	if !strings.Contains(spec, `"hostnames":["exporter.example.com"]`) || !strings.Contains(spec, `"matches":[{"path":{"type":"PathPrefix","value":"/vault-auth"}}]`) {
		t.Errorf("with an external URL the HTTPRoute is %s", spec)
	}
	address := render(t, merged(t, `{externalURL: "https://10.0.0.1", ingress: {enabled: true}}`))
	if rule := convert[networking.Ingress](t, address.only(t, "Ingress")).Spec.Rules[0]; rule.Host != "" || rule.HTTP.Paths[0].Path != "/" {
		t.Errorf("with an address as external URL the Ingress is for %s%s", rule.Host, rule.HTTP.Paths[0].Path)
	}
	if route := asJSON(t, all.only(t, "HTTPRoute").Object["spec"]); !strings.Contains(route, `"backendRefs":[{"name":"`+release+`","port":80}]`) {
		t.Errorf("the route is %s", route)
	}
}
