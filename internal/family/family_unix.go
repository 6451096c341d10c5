//go:build unix

// Package family ends a program together with those that it started.
package family

import (
	"os/exec"
	"syscall"
)

// Bind has the end of cmd's context end all that cmd starts, too, such as the tests of `go test`.
func Bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
