package statefile_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/statefile"
)

// writerOf makes this test's binary a process that writes a file until it is killed.
const writerOf = "STATEFILE_TEST_WRITES"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerOf); path != "" {
		writeForever(statefile.At(path))
	}
	os.Exit(m.Run())
}

func writeForever(file statefile.File) {
	s := full()
	for i := range 2_000 {
		target := s.Targets[1]
		target.Name = fmt.Sprintf("target-%d", i)
		s.Targets = append(s.Targets, target)
	}
	for {
		if err := file.Write(s); err != nil {
			panic(err)
		}
		fmt.Println("written")
	}
}

// Whenever a process is killed while it writes, the file is the old one or the new one, and what it
// leaves besides is removed by the next.
func TestKilledWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	leftovers := 0
	kills := 0
	for ; kills < 15 || leftovers == 0 && kills < 300; kills++ {
		kill(t, path)
		s, err := statefile.At(path).Read(minute(11))
		if err != nil || len(s.Targets) != 2_002 {
			t.Fatalf("after a kill the file has %d targets: %v", len(s.Targets), err)
		}
		leftovers += len(entries(t, filepath.Dir(path))) - 1
		statefile.At(path).RemoveTemporaries()
		if names := entries(t, filepath.Dir(path)); len(names) != 1 {
			t.Fatalf("the directory has %q", names)
		}
	}
	t.Logf("%d of %d processes were killed while they wrote", leftovers, kills)
	if leftovers == 0 {
		t.Error("no process was killed while it wrote: the test shows nothing")
	}
}

// kill starts a writer, and kills it at some time in a later write.
func kill(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerOf+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for len(entries(t, filepath.Dir(path))) == 1 { // until there is a temporary file again
	}
	<-time.After(rand.N(time.Millisecond))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}
