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

// injectorDefaults are what the injector is configured with, as the pods show that leave it to the
// injector. Templates of pods do not show it.
type injectorDefaults struct{ address, mountPath, namespace seenDefault }

// seenDefault is not known where no pod shows it, or pods differ, as with several injectors.
type seenDefault struct {
	value         string
	seen, differs bool
}

func (d *seenDefault) note(value string) {
	d.differs = d.differs || d.seen && d.value != value
	d.value, d.seen = value, true
}

func (d seenDefault) or(builtIn string) string {
	if d.seen && !d.differs {
		return d.value
	}
	return builtIn
}

// note takes in the configuration of a pod that was injected.
func (d *injectorDefaults) note(p pod, config agentConfig) {
	if p.annotation(injectorPrefix+"service") == "" {
		d.address.note(config.Vault.Address)
	}
	if p.annotation(injectorPrefix+"auth-path") == "" {
		d.mountPath.note(config.AutoAuth.Method.MountPath)
	}
	if p.annotation(injectorPrefix+"namespace") == "" {
		d.namespace.note(config.AutoAuth.Method.Namespace)
	}
}

func (f *podFacts) addInjected(p pod, from origin, count int, defaults injectorDefaults) {
	if inject, err := strconv.ParseBool(p.annotation(injectorPrefix + "agent-inject")); err != nil || !inject {
		return
	}
	if name := p.annotation(injectorPrefix + "agent-configmap"); name != "" {
		f.found.skip(from.object, "the ConfigMap "+name+" configures its Vault Agent, and is not read", count)
		return
	}
	config, agent, injected := p.agentConfig(defaults)
	method := config.AutoAuth.Method
	if method.Type != "kubernetes" {
		return
	}
	if injected {
		f.injector.note(p, config)
	}
	audience, known := p.ownAudience(), true
	if volume := p.annotation(injectorPrefix + "agent-service-account-token-volume-name"); injected {
		audience, known = p.audience(agent, cmp.Or(method.Config.TokenPath, defaultTokenPath))
	} else if volume != "" {
		audience, known = p.projected(volume, "")
	}
	if !known {
		f.found.skip(from.object, "its Vault Agent reads a token that is not one of a service account in the pod's volumes", count)
		return
	}
	mount, below := strings.CutPrefix(strings.Trim(method.MountPath, "/"), "auth/")
	if !below {
		f.found.skip(from.object, "its path of the auth method does not begin with auth/, as the agent needs it", count)
		return
	}
	f.found.add(workload.Login{
		Address: config.Vault.Address, Namespace: method.Namespace, Mount: mount, Role: method.Config.Role,
		ServiceAccount: p.account(), Audiences: audience,
	}, from.source, from.object, count)
}

// agentConfig returns what the agent of a pod is configured with, and its container if the pod
// has been injected. Else it is what the annotations say, with the defaults of the injector.
func (p pod) agentConfig(defaults injectorDefaults) (_ agentConfig, agent container, injected bool) {
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
	config.Vault.Address = cmp.Or(annotation("service"), defaults.address.or(""))
	method := &config.AutoAuth.Method
	method.Type = cmp.Or(annotation("auth-type"), "kubernetes")
	method.MountPath = cmp.Or(annotation("auth-path"), defaults.mountPath.or(defaultAuthPath))
	method.Namespace = cmp.Or(annotation("namespace"), defaults.namespace.or(""))
	method.Config.Role = cmp.Or(annotation("role"), annotation("auth-config-role"))
	return config, container{}, false
}
