package discover

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Annotations of the Vault Agent Injector, and its defaults.
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/injector/annotations
const (
	injectorPrefix  = "vault.hashicorp.com/"
	defaultAuthPath = "auth/kubernetes"
)

// agentConfig is what matters of the configuration that the injector gives to its containers,
// in the variable VAULT_CONFIG. It has the injector's own defaults, which no annotation shows.
type agentConfig struct {
	Vault    struct{ Address string }
	AutoAuth struct {
		Method struct {
			Type      string
			MountPath string `json:"mount_path"`
			Namespace string
			Config    struct {
				Role      string
				TokenPath string `json:"token_path"`
			}
		}
	} `json:"auto_auth"`
}

func (f *podFacts) addInjected(p pod, owner workload.Object, count int) {
	if inject, err := strconv.ParseBool(p.annotation(injectorPrefix + "agent-inject")); err != nil || !inject {
		return
	}
	if name := p.annotation(injectorPrefix + "agent-configmap"); name != "" {
		f.found.skip(owner, "the ConfigMap "+name+" configures its Vault Agent, and is not read", count)
		return
	}
	config, agent, injected := p.agentConfig()
	method := config.AutoAuth.Method
	if method.Type != "kubernetes" {
		return
	}
	audience, known := p.ownAudience(), true
	if volume := p.annotation(injectorPrefix + "agent-service-account-token-volume-name"); injected {
		audience, known = p.audience(agent, cmp.Or(method.Config.TokenPath, defaultTokenPath))
	} else if volume != "" {
		audience, known = p.projected(volume, "")
	}
	if !known {
		f.found.skip(owner, "its Vault Agent reads a token that is not one of a service account in the pod's volumes", count)
		return
	}
	mount, below := strings.CutPrefix(strings.Trim(method.MountPath, "/"), "auth/")
	if !below {
		f.found.skip(owner, "its path of the auth method does not begin with auth/, as the agent needs it", count)
		return
	}
	f.found.add(workload.Login{
		Address: config.Vault.Address, Namespace: method.Namespace, Mount: mount, Role: method.Config.Role,
		ServiceAccount: p.account(), Audiences: audience,
	}, podSource, owner, count)
}

// agentConfig returns what the agent of a pod is configured with, and its container if the pod
// has been injected. Else it is what the annotations say, with the defaults of the injector.
func (p pod) agentConfig() (_ agentConfig, agent container, injected bool) {
	for _, c := range p.containers() {
		if c.Name != "vault-agent" && c.Name != "vault-agent-init" {
			continue
		}
		var config agentConfig
		content, err := base64.StdEncoding.DecodeString(c.variable("VAULT_CONFIG"))
		if err == nil && json.Unmarshal(content, &config) == nil {
			method := &config.AutoAuth.Method
			method.MountPath = cmp.Or(method.MountPath, "auth/"+method.Type) // the agent's own default
			return config, c, true
		}
	}
	annotation := func(name string) string { return p.annotation(injectorPrefix + name) }
	var config agentConfig
	config.Vault.Address = annotation("service")
	method := &config.AutoAuth.Method
	method.Type = cmp.Or(annotation("auth-type"), "kubernetes")
	method.MountPath = cmp.Or(annotation("auth-path"), defaultAuthPath)
	method.Namespace = annotation("namespace")
	method.Config.Role = cmp.Or(annotation("role"), annotation("auth-config-role"))
	return config, container{}, false
}
