package release

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// repository is the root of the working tree.
const repository = "../.."

// TestImage runs the steps of the Dockerfile's first stage in a clean
// directory, and checks the binary that its second stage ships.
func TestImage(t *testing.T) {
	build, image := stages(t)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			shipped := shippedFile(t, image)
			root := t.TempDir()
			run(t, root, build, shipped, map[string]string{
				"TARGETOS": "linux", "TARGETARCH": arch,
				"VERSION": "1.2.3-test", "REVISION": "c0ffee", "BRANCH": "v1.2.3-test", "BUILD_DATE": "2026-01-02T03:04:05Z",
			})
			binary := filepath.Join(root, shipped)
			checkStatic(t, binary, machine)
			checkSize(t, binary)
			if runtime.GOOS == "linux" && runtime.GOARCH == arch {
				checkRuns(t, binary)
			}
		})
	}
}

// maxSize is the budget of the executable, in bytes, which docs/performance.md explains.
const maxSize = 25_000_000

// checkSize requires an executable within its budget. It is half code: what has made it grow at
// once was a type that a value in an interface led to, whose methods the linker then keeps, all of
// them (go build -ldflags=-dumpdep prints what leads to it: search for UsedInIface).
func checkSize(t *testing.T, binary string) {
	t.Helper()
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxSize {
		t.Errorf("the executable has %d bytes, over its budget of %d", info.Size(), maxSize)
	}
	t.Logf("%d bytes, %.1f %% of the budget", info.Size(), 100*float64(info.Size())/maxSize)
}

// TestImageIsUnprivileged requires a numeric user, because Kubernetes can verify runAsNonRoot only for those.
func TestImageIsUnprivileged(t *testing.T) {
	_, image := stages(t)
	for _, command := range image.Commands {
		if user, ok := command.(*instructions.UserCommand); ok {
			if uid, _, _ := strings.Cut(user.User, ":"); uid == "0" || strings.Trim(uid, "0123456789") != "" {
				t.Errorf("USER %s: want a number that is not 0", user.User)
			}
			return
		}
	}
	t.Error("the image has no USER")
}

// stages returns the Dockerfile's two stages: the build and the image.
func stages(t *testing.T) (build, image instructions.Stage) {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "build" {
		t.Fatalf("the Dockerfile has %d stages: want build and the image", len(all))
	}
	return all[0], all[1]
}

// shippedFile returns the one file that the image copies from the build, which must also be its entrypoint.
func shippedFile(t *testing.T, image instructions.Stage) string {
	t.Helper()
	var source, target string
	var entrypoint []string
	for _, command := range image.Commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			if c.From != "build" || len(c.SourcePaths) != 1 || source != "" {
				t.Fatalf("%s: want exactly one file, from the build", c)
			}
			source, target = c.SourcePaths[0], c.DestPath
		case *instructions.EntrypointCommand:
			entrypoint = c.CmdLine
		}
	}
	if source == "" || !slices.Equal(entrypoint, []string{target}) {
		t.Fatalf("the image copies %q to %q and starts %q", source, target, entrypoint)
	}
	return source
}

// run executes a stage with root in place of the image's file system. In the commands,
// the path of the shipped file is replaced with one below root; the Go caches are this machine's.
func run(t *testing.T, root string, stage instructions.Stage, shipped string, args map[string]string) {
	t.Helper()
	dir := root
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root, "GOTOOLCHAIN=local"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	sources := buildContext(t)
	for _, command := range stage.Commands {
		switch c := command.(type) {
		case *instructions.WorkdirCommand:
			dir = filepath.Join(root, c.Path)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		case *instructions.ArgCommand:
			for _, arg := range c.Args {
				if value, given := args[arg.Key]; given {
					env = append(env, arg.Key+"="+value)
				} else if arg.Value != nil {
					env = append(env, arg.Key+"="+*arg.Value)
				}
			}
		case *instructions.CopyCommand:
			for _, source := range c.SourcePaths {
				copyInto(t, dir, sources, source, c.DestPath)
			}
		case *instructions.RunCommand:
			if !c.PrependShell || len(c.FlagsUsed) > 0 {
				t.Fatalf("%s: this test runs the shell form without flags only", c)
			}
			script := strings.ReplaceAll(strings.Join(c.CmdLine, " "), " "+shipped+" ", " "+filepath.Join(root, shipped)+" ")
			sh := exec.Command("sh", "-c", script)
			sh.Dir, sh.Env = dir, env
			if output, err := sh.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", script, err, output)
			}
		default:
			t.Fatalf("this test cannot run the instruction %s", c.Name())
		}
	}
}

// buildContext returns the files that a builder sees in a clean checkout: those in git,
// without those that .dockerignore excludes.
func buildContext(t *testing.T) []string {
	t.Helper()
	ignore, err := os.Open(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer ignore.Close()
	patterns, err := ignorefile.ReadAll(ignore)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(gitFiles(t), func(name string) bool {
		ignored, err := matcher.MatchesOrParentMatches(name)
		if err != nil {
			t.Fatal(err)
		}
		return ignored
	})
}

// gitFiles returns the files of the working tree that are in git, or untracked and not ignored.
func gitFiles(t *testing.T) []string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join(repository, name))
		return errors.Is(err, fs.ErrNotExist) // deleted, but not committed
	})
}

// copyInto implements COPY: it copies the content of a directory, or a single file.
func copyInto(t *testing.T, dir string, sources []string, source, target string) {
	t.Helper()
	found := false
	for _, name := range sources {
		to := target
		if rest, within := strings.CutPrefix(name, source+"/"); within {
			to = path.Join(target, rest)
		} else if name != source {
			continue
		} else if strings.HasSuffix(target, "/") {
			to = path.Join(target, path.Base(name))
		}
		found = true
		content, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !found {
		t.Fatalf("COPY %s: there is no such file, or .dockerignore excludes it", source)
	}
}

// checkStatic checks that the binary is static, because the image has no loader and no C
// library, and that it was built with -trimpath, so that stack traces contain no paths of the builder.
func checkStatic(t *testing.T, binary string, machine elf.Machine) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Machine != machine {
		t.Errorf("the binary is for %s, want %s", file.Machine, machine)
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Error("the binary needs a loader: it is not static")
		}
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary needs libraries %v (%v): it is not static", libraries, err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range info.Settings {
		if setting.Key == "-trimpath" && setting.Value == "true" {
			return
		}
	}
	t.Error("the binary was not built with -trimpath")
}

// checkRuns checks that the binary prints its version, and which configuration is missing.
func checkRuns(t *testing.T, binary string) {
	t.Helper()
	start := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		command := exec.Command(binary, args...)
		command.Env = []string{}
		command.Stdout, command.Stderr = &out, &errs
		if err := command.Run(); err != nil && command.ProcessState == nil {
			t.Fatal(err)
		}
		return command.ProcessState.ExitCode(), out.String(), errs.String()
	}
	code, version, _ := start("--version")
	for _, want := range []string{"version 1.2.3-test", "branch: v1.2.3-test", "revision: c0ffee", "2026-01-02T03:04:05Z"} {
		if code != 0 || !strings.Contains(version, want) {
			t.Errorf("--version exits with %d and lacks %q:\n%s", code, want, version)
		}
	}
	code, _, message := start("config")
	if code != 2 || !strings.HasPrefix(message, "exporter: ") || !strings.Contains(message, "EXPORTER_VAULT_ADDR") {
		t.Errorf("config without any variable exits with %d and says %q: want 2, and the name of the missing variable", code, message)
	}
}

// copied returns the sources of a stage's COPY instructions.
func copied(stage instructions.Stage) (sources []string) {
	for _, command := range stage.Commands {
		if c, ok := command.(*instructions.CopyCommand); ok {
			sources = append(sources, c.SourcePaths...)
		}
	}
	return sources
}
