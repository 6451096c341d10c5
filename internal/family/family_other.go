//go:build !unix

package family

import "os/exec"

// Bind does nothing where there are no process groups: cmd alone ends with its context.
func Bind(*exec.Cmd) {}
