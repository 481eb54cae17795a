package resolver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/sobek"
	"go.k6.io/k6/errext"
	"go.k6.io/k6/js/common"
	"go.k6.io/k6/js/modules"
)

func init() { modules.Register("k6/x/resolver", new(root)) }

type root struct{}

// NewModuleInstance is called once for each virtual user.
func (*root) NewModuleInstance(vu modules.VU) modules.Instance {
	made := &module{vu: vu, meters: newMeters(vu.InitEnv().Registry)}
	runtime := vu.Runtime()
	made.class = runtime.ToValue(made.construct).ToObject(runtime)
	for name, static := range map[string]any{"fromFile": made.fromFile, "fromText": made.fromText} {
		if err := made.class.Set(name, static); err != nil {
			common.Throw(runtime, err)
		}
	}
	return made
}

// module is what one virtual user imports.
type module struct {
	vu     modules.VU
	meters meters
	class  *sobek.Object
}

func (m *module) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{"Resolver": m.class}}
}

// construct is `new Resolver(options)`.
func (m *module) construct(call sobek.ConstructorCall) *sobek.Object {
	runtime := m.vu.Runtime()
	config, err := merge(runtime, defaults(), call.Argument(0))
	if err != nil {
		common.Throw(runtime, err)
	}
	m.equip(call.This, config)
	return nil
}

func (m *module) fromFile(path string, options sobek.Value) (*sobek.Object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return m.fromText(string(text), options)
}

func (m *module) fromText(text string, options sobek.Value) (*sobek.Object, error) {
	runtime := m.vu.Runtime()
	config, err := parse(text)
	if err != nil {
		return nil, err
	}
	if options == nil || sobek.IsUndefined(options) {
		err = config.check()
	} else {
		config, err = merge(runtime, config, options)
	}
	if err != nil {
		return nil, err
	}
	made := runtime.CreateObject(m.class.Get("prototype").ToObject(runtime))
	m.equip(made, config)
	return made, nil
}

// merge puts a script's options over a configuration.
func merge(runtime *sobek.Runtime, config Config, options sobek.Value) (Config, error) {
	if sobek.IsUndefined(options) || sobek.IsNull(options) {
		return Config{}, errors.New("resolver options: expected an object with servers")
	}
	text, err := json.Marshal(options.ToObject(runtime))
	if err != nil {
		return Config{}, err
	}
	return config.with(text)
}

func (m *module) equip(object *sobek.Object, config Config) {
	runtime, resolver := m.vu.Runtime(), New(config)
	lookup := func(name string, params sobek.Value) (Result, error) { return m.lookup(resolver, name, params) }
	text, err := json.Marshal(config)
	if err != nil {
		common.Throw(runtime, err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		common.Throw(runtime, err)
	}
	for name, value := range map[string]any{"lookup": lookup, "options": plain} {
		no, yes := sobek.FLAG_FALSE, sobek.FLAG_TRUE
		if err := object.DefineDataProperty(name, runtime.ToValue(value), no, no, yes); err != nil {
			common.Throw(runtime, err)
		}
	}
}

// lookup holds the virtual user up, as getaddrinfo holds up the thread that calls it.
func (m *module) lookup(resolver *Resolver, name string, params sobek.Value) (Result, error) {
	state := m.vu.State()
	if state == nil {
		return Result{}, common.NewInitContextError("looking up names in the init context is not supported")
	}
	current := state.Tags.GetCurrentValues()
	if params != nil && !sobek.IsUndefined(params) && !sobek.IsNull(params) {
		object := params.ToObject(m.vu.Runtime())
		for _, key := range object.Keys() {
			if key != "tags" {
				return Result{}, fmt.Errorf("lookup knows no parameter %q, only tags", key)
			}
		}
		if err := common.ApplyCustomUserTags(m.vu.Runtime(), &current, object.Get("tags")); err != nil {
			return Result{}, err
		}
	}
	result, err := resolver.Lookup(m.vu.Context(), name)
	if limit, ok := errors.AsType[*ExhaustedError](err); ok {
		// The generator is at its end: what it would measure from here on is itself.
		m.vu.Runtime().Interrupt(&errext.InterruptError{Reason: fmt.Sprintf("%s: %v", errext.AbortTest, limit)})
	}
	if err != nil {
		return Result{}, err
	}
	m.meters.push(m.vu, current, result)
	return result, nil
}
