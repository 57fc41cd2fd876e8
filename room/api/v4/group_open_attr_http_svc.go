package v4

// attrService is where clients of the cloud look for attributes; group_open_http_svc has the same commands.
var attrService = service{
	name: "group_open_attr_http_svc", parameter: groupService.parameter, internal: groupService.internal, unknown: groupService.unknown,
	as: groupService.as,
	commands: []command{
		{name: "get_group_attr", handler: on((*call).getGroupAttr)},
	},
}
