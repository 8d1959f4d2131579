package deploy

import (
	"path"
	"slices"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
)

// TestState checks where the state is kept, that its directory can be written although the root file system cannot, and that two pods never
// wait for one volume.
func TestState(t *testing.T) {
	const claim = `persistentVolumeClaim: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}`
	for values, want := range map[string]struct {
		volume, strategy string // the volume is the kind, or the name of the claim
		claims           int    // that the chart creates
	}{
		`{}`:                                    {},
		`state: {enabled: true}`:                {volume: "emptyDir"},
		`state: {enabled: true, ` + claim + `}`: {volume: release + "-state", strategy: "Recreate", claims: 1},
		`state: {enabled: true, existingClaim: mine}`:                                                         {volume: "mine", strategy: "Recreate"},
		`{state: {enabled: true, existingClaim: mine}, leaderElection: {enabled: true}, replicaCount: 2}`:     {volume: "mine"},
		`{state: {enabled: true, existingClaim: mine}, updateStrategy: {type: RollingUpdate}}`:                {volume: "mine", strategy: "RollingUpdate"},
		`{state: {enabled: true, ` + claim + `}, sharding: {enabled: true}, targets: [{name: a}, {name: b}]}`: {volume: "template"},
		`{state: {enabled: true}, sharding: {enabled: true}, targets: [{name: a}, {name: b}]}`:                {volume: "emptyDir"},
	} {
		all := render(t, merged(t, values))
		pod := podOf(t, all).Spec
		volume := stateVolume(pod)
		strategy := ""
		if o := all["Deployment/"+namespace+"/"+release]; o != nil {
			strategy = string(convert[apps.Deployment](t, o).Spec.Strategy.Type)
		}
		if o := all["StatefulSet/"+namespace+"/"+release]; o != nil {
			if templates := convert[apps.StatefulSet](t, o).Spec.VolumeClaimTemplates; len(templates) == 1 && templates[0].Name == "state" {
				volume = "template"
			}
		}
		claims := 0
		if all["PersistentVolumeClaim/"+namespace+"/"+release+"-state"] != nil {
			claims = 1
		}
		if volume != want.volume || strategy != want.strategy || claims != want.claims {
			t.Errorf("%s: volume %q, strategy %q, %d claims; want %+v", values, volume, strategy, claims, want)
		}
		wantStateFile(t, all, pod, want.volume != "")
	}
}

func stateVolume(pod core.PodSpec) string {
	i := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == "state" })
	switch {
	case i < 0:
		return ""
	case pod.Volumes[i].PersistentVolumeClaim != nil:
		return pod.Volumes[i].PersistentVolumeClaim.ClaimName
	case pod.Volumes[i].EmptyDir != nil:
		return "emptyDir"
	}
	return "unknown"
}

// wantStateFile requires the variable to name a file in the mounted directory.
func wantStateFile(t *testing.T, all objects, pod core.PodSpec, wanted bool) {
	t.Helper()
	file := convert[core.ConfigMap](t, all["ConfigMap/"+namespace+"/"+release]).Data["EXPORTER_STATE_FILE"]
	c := pod.Containers[0]
	mounted := slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool {
		return m.Name == "state" && m.MountPath == path.Dir(file) && !m.ReadOnly
	})
	if mounted != wanted || (file != "") != wanted {
		t.Errorf("EXPORTER_STATE_FILE is %q, and its directory is mounted: %t", file, mounted)
	}
	if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("the root file system can be written")
	}
}
