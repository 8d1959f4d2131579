package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/engine"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
)

// TestOpenShiftAssignsIDs checks that the pod names no user or group where OpenShift assigns them, and keeps the rest of its security context.
func TestOpenShiftAssignsIDs(t *testing.T) {
	for _, c := range []struct {
		values   string
		apis     []string
		wantUser bool
	}{
		{values: `{}`, wantUser: true},
		{values: `openshift: true`},
		{values: `openshift: "true"`},
		{values: `{}`, apis: []string{"security.openshift.io/v1"}},
		{values: `openshift: false`, apis: []string{"security.openshift.io/v1"}, wantUser: true},
	} {
		pod := podOf(t, renderOn(t, merged(t, c.values), c.apis...)).Spec.SecurityContext
		if got := pod.RunAsUser != nil; got != c.wantUser || (pod.FSGroup != nil) != got || (pod.RunAsGroup != nil) != got {
			t.Errorf("%s with the APIs %v: user %v, group %v, fsGroup %v; want them set: %t", c.values, c.apis, pod.RunAsUser, pod.RunAsGroup, pod.FSGroup, c.wantUser)
		}
		if pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.SeccompProfile == nil {
			t.Errorf("%s: the rest of the security context is missing: %+v", c.values, pod)
		}
	}
}

// renderOn renders the chart for a cluster that has these APIs.
func renderOn(t *testing.T, v values, apis ...string) objects {
	t.Helper()
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.APIVersions = append(slices.Clone(capabilities.APIVersions), apis...)
	c := load(t)
	rendered, err := util.ToRenderValues(c, v, common.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true}, capabilities)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := engine.Render(c, rendered)
	if err != nil {
		t.Fatal(err)
	}
	return decodeAll(t, texts)
}

// TestMemoryLimitLeavesHeadroom checks that GOMEMLIMIT is 90 % of the memory limit, in every notation of a quantity.
func TestMemoryLimitLeavesHeadroom(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                                   "181193932",
		`resources: {limits: {memory: 1Gi}}`:                   "966367641",
		`resources: {limits: {memory: 0.5Gi}}`:                 "483183820",
		`resources: {limits: {memory: 500M}}`:                  "450000000",
		`resources: {limits: {memory: 1e9}}`:                   "900000000",
		`resources: {limits: {memory: "1e9"}}`:                 "900000000",
		`resources: {limits: {memory: 209715200}}`:             "188743680",
		`resources: {limits: {memory: null}}`:                  "",
		`resources: null`:                                      "",
		`resources: {limits: {cpu: 1, memory: 128974848000m}}`: "",
		`extraEnv: [{name: GOMEMLIMIT, value: 100MiB}]`:        "100MiB",
	} {
		got := ""
		for _, variable := range podOf(t, render(t, merged(t, text))).Spec.Containers[0].Env {
			if variable.Name == "GOMEMLIMIT" {
				got += variable.Value
			}
		}
		if got != want {
			t.Errorf("%s: GOMEMLIMIT %q, want %q", text, got, want)
		}
	}
}

func TestImage(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for text, want := range map[string]string{
		`{}`:                      "ghcr.io/vault-k8s-auth-exporter/vault-k8s-auth-exporter:0.1.0",
		`image: {registry: ""}`:   "vault-k8s-auth-exporter/vault-k8s-auth-exporter:0.1.0",
		`image: {registry: null}`: "vault-k8s-auth-exporter/vault-k8s-auth-exporter:0.1.0",
		`image: {registry: "registry.example.com/mirror/", repository: exporter, tag: v1}`: "registry.example.com/mirror/exporter:v1",
		`{global: {imageRegistry: registry.example.com}, image: {repository: exporter}}`:   "registry.example.com/exporter:0.1.0",
		`image: {repository: exporter, digest: "` + digest + `", tag: v1}`:                 "ghcr.io/exporter@" + digest,
	} {
		if got := podOf(t, render(t, merged(t, text))).Spec.Containers[0].Image; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	got := podOf(t, render(t, merged(t, `{global: {imagePullSecrets: [a, {name: b}]}, imagePullSecrets: [{name: b}, {name: c}]}`))).Spec.ImagePullSecrets
	if diff := cmp.Diff([]core.LocalObjectReference{{Name: "a"}, {Name: "b"}, {Name: "c"}}, got); diff != "" {
		t.Errorf("pull secrets (-want +got):\n%s", diff)
	}
}

var imageValues = regexp.MustCompile(`(?m)^(?:#   )?(image: \{registry: .*\})$`)

// TestPrintedImages renders the values of an image that the guide and `exporter setup` print.
func TestPrintedImages(t *testing.T) {
	for path, tag := range map[string]string{"docs/installation.md": "$TAG", "internal/setup/testdata/inside.sh": "1.2.3"} {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		printed := imageValues.FindSubmatch(text)
		if printed == nil {
			t.Errorf("%s has no values of an image", path)
			continue
		}
		values := strings.ReplaceAll(string(printed[1]), tag, "1234567")
		if got := podOf(t, render(t, merged(t, values))).Spec.Containers[0].Image; got != "registry.example.com/team/vault-k8s-auth-exporter:1234567" {
			t.Errorf("%s: %s, which renders %s", path, values, got)
		}
	}
}

// TestProbesCanBeChanged checks that a change keeps the rest of a probe, and that another handler replaces its own.
func TestProbesCanBeChanged(t *testing.T) {
	pod := podOf(t, render(t, merged(t, `{livenessProbe: {periodSeconds: 20}, readinessProbe: {tcpSocket: {port: health}, timeoutSeconds: 1}}`))).Spec.Containers[0]
	if p := pod.LivenessProbe; p.PeriodSeconds != 20 || p.TimeoutSeconds != 5 || p.HTTPGet == nil || p.HTTPGet.Path != "/healthz" {
		t.Errorf("the liveness probe is %+v", p)
	}
	if p := pod.ReadinessProbe; p.TimeoutSeconds != 1 || p.HTTPGet != nil || p.TCPSocket == nil {
		t.Errorf("the readiness probe is %+v", p)
	}
}

// TestChecksRunInTheReleasesConfiguration checks that helm test, the CronJob and the Job run exporter check with the variables, files,
// account and image of the pod that probes.
func TestChecksRunInTheReleasesConfiguration(t *testing.T) {
	for name, v := range installations(t) {
		all := render(t, merge(v, values{"check": values{"schedule": "@daily", "afterInstall": true}}))
		want := podOf(t, all).Spec
		for _, check := range []core.PodSpec{
			convert[core.Pod](t, all["Pod/"+namespace+"/"+release+"-test"]).Spec,
			convert[batch.CronJob](t, all["CronJob/"+namespace+"/"+release+"-check"]).Spec.JobTemplate.Spec.Template.Spec,
			convert[batch.Job](t, all["Job/"+namespace+"/"+release+"-check-installed"]).Spec.Template.Spec,
		} {
			if got := check.Containers[0].Args; !slices.Equal(got, []string{"check"}) || check.RestartPolicy != core.RestartPolicyNever || len(check.Containers) != 1 {
				t.Errorf("%s: the pod runs %q and restarts %s", name, got, check.RestartPolicy)
			}
			if got, want := configurationOf(check), configurationOf(want); !cmp.Equal(got, want) {
				t.Errorf("%s: (-probes +check):\n%s", name, cmp.Diff(want, got))
			}
		}
	}
}

// configurationOf returns what decides the result of a check in a pod. A check covers every target, so it has no shard, and it keeps no
// state: a volume that only one node can mount would keep it from starting.
func configurationOf(pod core.PodSpec) []any {
	c := pod.Containers[0]
	pod.Volumes = slices.DeleteFunc(slices.Clone(pod.Volumes), func(v core.Volume) bool { return v.Name == "state" })
	c.VolumeMounts = slices.DeleteFunc(slices.Clone(c.VolumeMounts), func(m core.VolumeMount) bool { return m.Name == "state" })
	env := slices.DeleteFunc(slices.Clone(c.Env), func(v core.EnvVar) bool { return v.Name == "EXPORTER_SHARD" })
	return []any{pod.ServiceAccountName, pod.Volumes, pod.SecurityContext, pod.HostAliases, pod.DNSConfig, pod.InitContainers,
		c.Image, c.EnvFrom, slices.Clip(env), c.VolumeMounts, c.Resources, c.SecurityContext}
}

func TestTargetsFromASecret(t *testing.T) {
	all := render(t, merged(t, `{vault: {addr: "", role: ""}, reviewer: {serviceAccount: ""}, targetsFrom: {existingSecret: many, key: list.yaml}, sharding: {enabled: true}}`))
	pod := podOf(t, all).Spec
	i := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == "targets" })
	if i < 0 || pod.Volumes[i].Secret == nil || pod.Volumes[i].Secret.SecretName != "many" {
		t.Fatalf("the pod mounts no targets from the Secret: %+v", pod.Volumes)
	}
	if diff := cmp.Diff([]core.KeyToPath{{Key: "list.yaml", Path: "targets.yaml"}}, pod.Volumes[i].Secret.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if all["ConfigMap/"+namespace+"/"+release+"-targets"] != nil {
		t.Error("there is a ConfigMap with targets too")
	}
}
