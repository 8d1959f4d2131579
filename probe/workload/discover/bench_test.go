package discover

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// BenchmarkRead reads 20 000 pods of 5 000 Deployments, each with a login of its own. A pod has 8 KiB, as with an injected
// agent and a list of managed fields, and a Deployment 4 KiB. It reports what an inventory holds, and what a reading
// allocates, which includes the fake.
func BenchmarkRead(b *testing.B) {
	const count = 20_000
	c := cluster(b, "")
	padding := strings.Repeat("x", 8<<10-400)
	for i := range count {
		c.lists[podList] = append(c.lists[podList], json.RawMessage(fmt.Sprintf(`{"metadata":{"namespace":"team-%03d","name":"web-%05d-7d9f8b6c5d-%05d","labels":{"pod-template-hash":"7d9f8b6c5d"},
			"ownerReferences":[{"kind":"ReplicaSet","name":"web-%05d-7d9f8b6c5d","controller":true}],"annotations":{"vault.hashicorp.com/agent-inject":"true","vault.hashicorp.com/role":"web-%05d"},
			"managedFields":[{"manager":%q}]},"spec":{"serviceAccountName":"web-%05d"},"status":{"phase":"Running"}}`, i/4%100, i/4, i, i/4, i/4, padding, i/4)))
	}
	for i := range count / 4 {
		deployments := "apis/apps/v1/deployments"
		c.lists[deployments] = append(c.lists[deployments], json.RawMessage(fmt.Sprintf(`{"metadata":{"namespace":"team-%03d","name":"web-%05d","managedFields":[{"manager":%q}]},
			"spec":{"template":{"metadata":{"annotations":{"vault.hashicorp.com/agent-inject":"true","vault.hashicorp.com/role":"web-%05d"}},"spec":{"serviceAccountName":"web-%05d"}}}}`,
			i%100, i, padding[:4<<10-400], i, i)))
	}
	r := c.reader(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var i workload.Inventory
	for b.Loop() {
		if i = r.Read(b.Context()); len(i.Entries) != count/4 {
			b.Fatalf("%d logins: %+v", len(i.Entries), i.Sources[0])
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))/(1<<20), "MiB-kept")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<20), "MiB-allocated/op")
	runtime.KeepAlive(i)
}
