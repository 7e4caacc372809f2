import { RUN_LIMITS } from '../limits.js';

/**
 * The rights of the reaper's role, as one statement: all of it is done or nothing. It may run again at any time, and
 * takes what is no longer declared out of the role's reach.
 *
 * `infra/grants.sql` ends with this same text, for people with psql. Set `connection_reaper.reaper` (the role's name) and
 * `connection_reaper.limited_roles` (a JSON list of names) before, `connection_reaper.rescue_login` as in the settings, and
 * `connection_reaper.iam` to `on` or `off`; `connection_reaper.notes` then holds, as a JSON list, what a person should know.
 *
 * Whether its runner may do something is found out by doing it, and never by asking the catalogs: on RDS the master user
 * may grant and alter more than they say.
 */
export const GRANTS = /* sql */ `do $grants$
declare
  reaper text;
  declared text[];
  rescue boolean;
  iam boolean;
  limited text[];
  -- A run holds one session; a second run, one that is closing and a person make four. No more, since these sessions
  -- may use the reserved slots.
  own_limit constant int := ${RUN_LIMITS.ownConnections};
  version int;
  needed text[] := '{pg_read_all_stats,pg_signal_backend}';
  notes text[] := '{}';
  names text[];
  owner name;
  item record;
  needed_right text;
  statement text;
begin
  -- First of all, since in the path of whoever runs this may stand functions and operators of others.
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  perform set_config('client_min_messages', 'warning', true);
  reaper := current_setting('connection_reaper.reaper');
  declared := array(select jsonb_array_elements_text(current_setting('connection_reaper.limited_roles')::jsonb));
  -- With the twin that rotation with alternating users makes of a role, and later roles of these names too.
  limited := declared || array(select name || '_clone' from unnest(declared) name where octet_length(name) <= 57);
  rescue := current_setting('connection_reaper.rescue_login') = 'replication';
  iam := current_setting('connection_reaper.iam')::boolean;
  version := current_setting('server_version_num')::int;
  if version >= 160000 then needed := needed || 'pg_use_reserved_connections'::text; end if;

  -- Two deployments at once wait for each other; without it the second would fail with "tuple concurrently updated".
  perform pg_advisory_xact_lock(hashtext('connection_reaper'));

  -- What must hold, before anything is changed.

  select array_agg(name) into names from unnest(declared || reaper) name
   where octet_length(name) not between 1 and 63;
  if names is not null then
    raise exception 'not the names of roles, which have 1 to 63 bytes: %', array_to_string(names, ', ')
      using errcode = 'invalid_name';
  end if;
  if reaper in (current_user, session_user) then
    raise exception 'the role that sets up the reaper can not be the reaper''s: %', reaper
      using errcode = 'invalid_parameter_value', hint = 'Choose another name for the reaper''s role.';
  end if;
  if reaper = any (limited) then
    raise exception 'the reaper can not limit its own role: %', reaper
      using errcode = 'invalid_parameter_value', hint = 'Take it out of the declared limits.';
  end if;
  select array_agg(rolname order by rolname) into names from pg_roles
   where rolsuper and rolname = any (limited || reaper);
  if names is not null then
    raise exception 'superusers, whom no connection limit holds and who can not be the reaper: %',
      array_to_string(names, ', ')
      using errcode = 'invalid_parameter_value', hint = 'Leave them out, or let their applications log in otherwise.';
  end if;
  if iam and not exists (select from pg_roles where rolname = 'rds_iam') then
    raise exception 'there is no role rds_iam, whose members log in by token'
      using errcode = 'undefined_object',
            hint = 'On RDS and Aurora, turn on IAM authentication. No other server takes tokens: let the reaper log in by password.';
  end if;
  if not exists (select from pg_roles where rolname = current_user and (rolsuper or rolcreaterole)) then
    raise exception 'only a superuser, or a role with CREATEROLE such as the master user of RDS, may set this up, not %',
      current_user using errcode = 'insufficient_privilege';
  end if;
  -- Whoever owns the schema can put functions of its own into it, for the reaper to call.
  select pg_get_userbyid(nspowner) into owner from pg_namespace where nspname = 'connection_reaper';
  if owner <> current_user then
    raise exception 'the schema connection_reaper in database % belongs to %, not to %',
      current_database(), owner, current_user
      using errcode = 'insufficient_privilege',
            hint = format('Log in as %s, or drop the schema if nothing else is in it.', owner);
  end if;
  if owner is null and not has_database_privilege(current_database(), 'CREATE') then
    raise exception '% may not create a schema in database %', current_user, current_database()
      using errcode = 'insufficient_privilege',
            hint = format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user);
  end if;

  -- Each role is given the limit that it has already.
  names := '{}';
  for item in select rolname, rolconnlimit from pg_roles where rolname = any (limited || reaper) order by rolname loop
    begin
      execute format('alter role %I connection limit %s', item.rolname, item.rolconnlimit);
    exception when insufficient_privilege then
      names := names || format('%I', item.rolname);
    end;
  end loop;
  if names <> '{}' then
    raise exception '% may not alter the roles %', current_user, array_to_string(names, ', ')
      using errcode = 'insufficient_privilege',
            hint = case when version >= 160000
              then format('As a superuser, or as who made these roles: GRANT %s TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;',
                          array_to_string(names, ', '), current_user)
              else 'Before version 16 only a superuser may alter roles with REPLICATION: run this as one, or leave them out.'
            end;
  end if;

  -- The role itself. Attributes that are right already are not mentioned, since the master user of RDS may not even
  -- mention some of them.
  select * into item from pg_roles where rolname = reaper;
  if not found then
    execute format('create role %I login connection limit %s', reaper, own_limit);
  else
    statement := concat_ws(' ',
      case when not item.rolcanlogin then 'login' end,
      case when not item.rolinherit then 'inherit' end,
      case when item.rolcreaterole then 'nocreaterole' end,
      case when item.rolcreatedb then 'nocreatedb' end,
      case when item.rolbypassrls then 'nobypassrls' end,
      case when item.rolconnlimit = -1 then format('connection limit %s', own_limit) end);
    if statement <> '' then execute format('alter role %I %s', reaper, statement); end if;
    if item.rolreplication and not rescue then
      notes := notes || format(
        '%1$I has REPLICATION and may copy the whole cluster. Unless it is meant to: ALTER ROLE %1$I NOREPLICATION;', reaper);
    end if;
  end if;

  -- What an administrator of other roles could give itself.
  for item in
    select pg_get_userbyid(roleid) as role, pg_get_userbyid(grantor) as grantor
      from pg_auth_members
     where pg_get_userbyid(member) = reaper and admin_option
  loop
    statement := concat_ws(' ', 'revoke', case when item.role = any (needed) then 'admin option for' end,
      format('%I from %I', item.role, reaper),
      case when version >= 160000 then format('granted by %I', item.grantor) end, 'cascade');
    begin
      execute statement;
    exception when insufficient_privilege then
      raise exception '% may not take from % what it could give itself: the admin option on %', current_user, reaper, item.role
        using errcode = 'insufficient_privilege', hint = format('As %s, or as a superuser: %s;', item.grantor, statement);
    end;
  end loop;
  select array_agg(format('%I', role) order by role) into names
    from (select pg_get_userbyid(roleid) as role from pg_auth_members where pg_get_userbyid(member) = reaper) membership
   where role <> all (needed || array['rds_iam'] || case when rescue then array['rds_replication'] else '{}' end);
  if names is not null then
    notes := notes || format('%1$I has more rights than it needs. Unless it is meant to: REVOKE %2$s FROM %1$I;',
                             reaper, array_to_string(names, ', '));
  end if;

  foreach needed_right in array needed loop
    -- USAGE, not MEMBER: a member that does not inherit is one that may do nothing.
    continue when pg_has_role(reaper, needed_right, 'USAGE');
    begin
      execute format('grant %I to %I%s', needed_right, reaper,
                     case when version >= 160000 then ' with inherit true, set false' end);
    exception when insufficient_privilege then
      if needed_right <> 'pg_use_reserved_connections' then
        raise exception '% may not grant %', current_user, needed_right
          using errcode = 'insufficient_privilege',
                hint = format('As a superuser: GRANT %I TO %I;', needed_right, reaper);
      end if;
      notes := notes || format('%I gets no reserved slot, so it may be refused by a full server. As a superuser: GRANT %I TO %I;',
                               reaper, needed_right, reaper);
    end;
  end loop;

  if rescue then
    begin
      if exists (select from pg_roles where rolname = 'rds_replication') then
        execute format('grant rds_replication to %I', reaper);
      elsif not (select rolreplication from pg_roles where rolname = reaper) then
        execute format('alter role %I replication', reaper);
      end if;
    exception when insufficient_privilege then
      raise exception '% may not give %, for its rescue login, the right to log in as a walsender', current_user, reaper
        using errcode = 'insufficient_privilege',
              hint = format('As a superuser: ALTER ROLE %I REPLICATION; or do without rescueLogin.', reaper);
    end;
  end if;

  -- To AWS, membership goes before a password: a member can log in by token alone. One that comes by another role ends
  -- where that role is taken away.
  if iam and not exists (
    select from pg_auth_members where pg_get_userbyid(member) = reaper and pg_get_userbyid(roleid) = 'rds_iam'
  ) then
    begin
      execute format('grant rds_iam to %I', reaper);
    exception when insufficient_privilege then
      raise exception '% may not grant rds_iam', current_user
        using errcode = 'insufficient_privilege', hint = format('As a superuser: GRANT rds_iam TO %I;', reaper);
    end;
  end if;
  if not iam then
    for item in
      select pg_get_userbyid(grantor) as grantor
        from pg_auth_members
       where pg_get_userbyid(member) = reaper and pg_get_userbyid(roleid) = 'rds_iam'
    loop
      statement := concat_ws(' ', format('revoke rds_iam from %I', reaper),
        case when version >= 160000 then format('granted by %I', item.grantor) end);
      begin
        execute statement;
      exception when insufficient_privilege then
        raise exception '% can log in by token alone, and % may not change that', reaper, current_user
          using errcode = 'insufficient_privilege', hint = format('As %s, or as a superuser: %s;', item.grantor, statement);
      end;
    end loop;
    select array_agg(format('%I', rolname)) into names
      from pg_auth_members join pg_roles on pg_roles.oid = roleid
     where pg_get_userbyid(member) = reaper and not rolsuper
       and exists (select from pg_roles iam where iam.rolname = 'rds_iam' and pg_has_role(roleid, iam.oid, 'MEMBER'));
    if names is not null then
      raise exception '% can log in by token alone, as a member of % and by that of rds_iam',
        reaper, array_to_string(names, ', ')
        using errcode = 'invalid_parameter_value',
              hint = format('REVOKE %s FROM %I; or let it log in by token.', array_to_string(names, ', '), reaper);
    end if;
  end if;

  if not has_database_privilege(reaper, current_database(), 'CONNECT') then
    execute format('grant connect on database %I to %I', current_database(), reaper);
  end if;

  -- The one way to set limits: a function with the rights of whoever runs this, that does no more than that.

  if owner is null then create schema connection_reaper; end if;

  execute format($create$
    create or replace function connection_reaper.limited_roles() returns text[]
      language sql immutable security definer set search_path = pg_catalog, pg_temp
      as %L
    $create$, format('select %L::text[]', limited));

  create or replace function connection_reaper.set_connection_limit(role name, connection_limit integer) returns void
    language plpgsql security definer
    -- Ours alone, so that no object or operator of the caller's comes before the server's.
    set search_path = pg_catalog, pg_temp
    as $function$
    begin
      -- 262143 is the most backends a server can be built for: more would lift the limit.
      if connection_limit is null or connection_limit not between 0 and 262143 then
        raise exception 'invalid connection limit: %', connection_limit using errcode = 'invalid_parameter_value';
      end if;
      if (role = any (connection_reaper.limited_roles())) is not true
         or exists (select from pg_catalog.pg_roles where rolname = role and rolsuper) then
        raise exception 'permission denied to set the connection limit of role "%"', role
          using errcode = 'insufficient_privilege',
                detail = 'Only roles that were declared when the reaper''s role was set up, and never superusers.';
      end if;
      execute format('alter role %I connection limit %s', role, connection_limit);
    end
    $function$;

  -- Everybody may call a function that is new, and default privileges or an earlier run may have let others in.
  for item in
    select 'function ' || p.oid::regprocedure as object, acl.grantee
      from pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
     where pronamespace = 'connection_reaper'::regnamespace and grantee <> proowner
    union
    select 'schema connection_reaper', acl.grantee
      from pg_namespace, aclexplode(nspacl) acl
     where nspname = 'connection_reaper' and grantee <> nspowner
  loop
    execute format('revoke all on %s from %s', item.object,
                   case when item.grantee = 0 then 'public' else format('%I', pg_get_userbyid(item.grantee)) end);
  end loop;
  execute format('grant usage on schema connection_reaper to %I', reaper);
  execute format('grant execute on function connection_reaper.limited_roles() to %I', reaper);
  execute format('grant execute on function connection_reaper.set_connection_limit(name, integer) to %I', reaper);

  -- What a person should know.

  select array_agg(format('%I', name) order by name) into names from unnest(declared) name
   where not exists (select from pg_roles where rolname = name);
  if names is not null then
    notes := notes || format('These roles do not exist yet, and get their limits once they do: %s',
                             array_to_string(names, ', '));
  end if;
  perform set_config('connection_reaper.notes', to_json(notes)::text, false);
  foreach statement in array notes loop
    raise warning '%', statement;
  end loop;
end
$grants$;
`;
