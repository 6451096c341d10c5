package quillstream

import "github.com/seed-f7c3343e/quill"

// shadowView is what the candidate of a command would have done.
type shadowView struct {
	State quill.State `json:"state"`
}

func viewShadow(*quill.Circuit) *shadowView { return nil }

// explain is the evidence of a command.
func explain(c *quill.Circuit) any {
	t := c.Stats().LastTransition
	if t.At.IsZero() {
		return map[string]any{}
	}
	return map[string]any{"transitions": []any{map[string]any{
		"from": t.From, "to": t.To, "override": t.Override, "reason": t.Reason, "at": t.At, "health": t.Health,
	}}}
}
