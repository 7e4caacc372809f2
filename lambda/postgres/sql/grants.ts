import { RUN_LIMITS } from '../../contract/limits.js';
import { REAPER_MARK } from '../../contract/names.js';

/**
 * The rights of the reaper's role, as one statement: all of it is done or nothing. It may run again at any time, and
 * takes what is no longer declared out of the role's reach.
 *
 * `npm run generate` writes it into `infra/grants.sql` too, for people with psql. Before it runs, set
 * `connection_reaper.reaper` (the role's name), `connection_reaper.database` (the label of the mark),
 * `connection_reaper.limited_roles` (a JSON list of names), `connection_reaper.rescue_login` (as in the settings), and
 * `connection_reaper.iam` and `connection_reaper.adopt` (`on` or `off`). Afterwards `connection_reaper.notes` holds, as a
 * JSON list, what a person should know.
 *
 * It takes no lock of its own: any role can hold an advisory lock, and would keep every deployment out. When two run at
 * once, one waits for the other's rows and then fails, as `isOvertaken` of grant-privileges.ts knows, and can be run again.
 * Both ways run it in a repeatable read transaction: with a new snapshot for each query, it could read the role before the
 * other run made it, and the schema after.
 *
 * Whether its runner may do something is found out by doing it, and never by asking the catalogs: on RDS the master user
 * may grant and alter more than they say.
 */
export const GRANTS = /* sql */ `do $grants$
declare
  reaper text;
  twin text;
  own_mark text;
  declared text[];
  rescue boolean;
  iam boolean;
  adopt boolean;
  limited text[];
  -- A run holds one session; a second run, one that is closing and a person make four. No more, since these sessions
  -- may use the reserved slots.
  own_limit constant int := ${RUN_LIMITS.ownConnections};
  version int;
  needed text[] := '{pg_read_all_stats,pg_signal_backend}';
  notes text[] := '{}';
  names text[];
  role_id oid;
  mark text;
  members text[];
  adopting boolean := false;
  -- Whether the role is there and has never been set up.
  unarmed boolean := false;
  sessions int[];
  owner name;
  item record;
  needed_right text;
  statement text;
begin
  -- First of all, since in the path of whoever runs this may stand functions and operators of others.
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  -- Nor may what the database's owner set for sessions decide how this is read, as whom it runs, or when it ends. A wait
  -- for a row of another transaction is bounded, since a prepared one may never end.
  perform set_config(setting, value, true)
     from (values ('client_min_messages', 'warning'), ('role', 'none'), ('standard_conforming_strings', 'on'),
                  ('quote_all_identifiers', 'off'), ('array_nulls', 'on'), ('exit_on_error', 'off'),
                  ('plpgsql.extra_errors', 'none'), ('plpgsql.extra_warnings', 'none'), ('lock_timeout', '3s'),
                  ('createrole_self_grant', '')) pinned (setting, value)
    where setting like 'plpgsql.%' or current_setting(setting, true) is not null;
  reaper := current_setting('connection_reaper.reaper');
  -- Rotation with alternating users makes it, as a member of the role.
  twin := reaper || '_clone';
  own_mark := '${REAPER_MARK}' || current_setting('connection_reaper.database');
  declared := array(select jsonb_array_elements_text(current_setting('connection_reaper.limited_roles')::jsonb));
  -- With the twin that rotation with alternating users makes of a role, and later roles of these names too.
  limited := declared || array(select name || '_clone' from unnest(declared) name where octet_length(name) <= 57);
  rescue := current_setting('connection_reaper.rescue_login') = 'replication';
  iam := current_setting('connection_reaper.iam')::boolean;
  adopt := current_setting('connection_reaper.adopt')::boolean;
  version := current_setting('server_version_num')::int;
  if version >= 160000 then needed := needed || 'pg_use_reserved_connections'::text; end if;

  -- What must hold, before anything is changed.

  select array_agg(name) into names from unnest(declared || reaper) name
   where octet_length(name) not between 1 and 63;
  if names is not null then
    raise exception 'not the names of roles, which have 1 to 63 bytes: %', array_to_string(names, ', ')
      using errcode = 'invalid_name';
  end if;
  if reaper ~ '^pg_|._clone$' then
    raise exception 'not a name for the reaper''s role, since it begins with pg_ or ends in _clone: %', reaper
      using errcode = 'invalid_name',
            hint = 'PostgreSQL keeps pg_ for itself, and rotation calls the twin of a role _clone. Choose another name.';
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

  -- A role that is another's would give its rights to that other. The mark says whose it is, and only an administrator
  -- can set it.
  select oid, shobj_description(oid, 'pg_authid') into role_id, mark from pg_roles where rolname = reaper;
  if role_id is not null then
    if not adopt and starts_with(mark, '${REAPER_MARK}') and mark <> own_mark then
      raise exception 'the role % is that of the reaper of %', reaper, substr(mark, length('${REAPER_MARK}') + 1)
        using errcode = 'object_in_use',
              hint = 'Let this reaper have a role of its own: set reaperRole (-v reaper=). If that other reaper is gone, '
                || 'run infra/grants.sql once with -v adopt=on, and deploy again.';
    end if;
    if not adopt and mark is distinct from own_mark then
      select array_agg(distinct format('%I', pg_get_userbyid(member))) into names
        from pg_auth_members where roleid = role_id and admin_option and version >= 160000;
      raise exception 'the role % was not made by a reaper%', reaper,
          coalesce(', and is administered by ' || array_to_string(names, ', '), '')
        using errcode = 'object_in_use',
              hint = 'Let the reaper have a role of its own: set reaperRole (-v reaper=). To take over this one on purpose, '
                || 'run infra/grants.sql once with -v adopt=on, and deploy again.';
    end if;
    -- Whatever the mark says: who made the role may have marked it too. From 16 on its maker administers it.
    select array_agg(distinct format('%I', member.rolname)) into members
      from pg_auth_members join pg_roles member on member.oid = pg_auth_members.member
     where pg_get_userbyid(roleid) in (reaper, twin)
       and not rolsuper and member.rolname not in (current_user, twin);
    if not adopt and members is not null then
      raise exception 'the role % has members, who would get all that the reaper may do: %',
          reaper, array_to_string(members, ', ')
        using errcode = 'object_in_use',
              hint = format('Unless they are meant to: REVOKE %I FROM %s; or let the reaper have a role of its own, by '
                || 'reaperRole (-v reaper=). Or run infra/grants.sql once with -v adopt=on, which takes the role from them, '
                || 'and deploy again.', reaper, array_to_string(members, ', '));
    end if;
    adopting := adopt and (mark is distinct from own_mark or members is not null);
    -- A session keeps its role. One of a role that was never set up is not the reaper's, whatever the mark says.
    unarmed := not pg_has_role(role_id, 'pg_signal_backend', 'USAGE');
    if adopting or unarmed then
      select array_agg(pid order by pid) into sessions
        from pg_stat_activity join pg_roles on pg_roles.oid = usesysid
       where usesysid = role_id
          or (not rolsuper and rolname <> current_user and pg_has_role(usesysid, role_id, 'MEMBER'));
      if sessions is not null then
        raise exception 'sessions are open that would get all that the reaper may do: %',
            concat('pid ', array_to_string(sessions, ', '))
          using errcode = 'object_in_use',
                hint = format('They are of %I or of its members. End them, and run this again: '
                  || 'SELECT pg_terminate_backend(pid) FROM unnest(%L::int[]) pid;', reaper, sessions);
      end if;
    end if;
  end if;

  -- Who owns the schema, or a function in it, decides what the reaper calls. Others may use what else is in it.
  select pg_get_userbyid(nspowner) into owner from pg_namespace where nspname = reaper;
  if owner <> current_user then
    raise exception 'the schema % in database % belongs to %, not to %',
      reaper, current_database(), owner, current_user
      using errcode = 'insufficient_privilege',
            hint = format('Log in as %s, or drop the schema if nothing else is in it.', owner);
  end if;
  select array_agg(pg_describe_object(classid, objid, 0) order by classid, objid) into names
    from pg_depend
   where refclassid = 'pg_namespace'::regclass and pg_depend.deptype = 'n'
     and refobjid = (select oid from pg_namespace where nspname = reaper)
     and not (classid = 'pg_proc'::regclass and exists (
       select from pg_proc
        where pg_proc.oid = objid and pg_get_userbyid(proowner) = owner
          and (proname, pg_get_function_identity_arguments(pg_proc.oid)) in (
            ('limited_roles', ''), ('set_connection_limit', 'role name, connection_limit integer'))));
  if names is not null then
    raise exception 'the schema % in database % holds what is not the reaper''s, or belongs to another: %',
      reaper, current_database(), array_to_string(names[1:5], ', ')
      using errcode = 'object_in_use',
            hint = 'Drop it if nobody needs it, or let the reaper have another role, by reaperRole (-v reaper=): its schema '
              || 'has the name of the role.';
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

  if adopting then
    for item in
      select pg_get_userbyid(roleid) as role, member.rolname as member, pg_get_userbyid(grantor) as grantor
        from pg_auth_members join pg_roles member on member.oid = pg_auth_members.member
       where pg_get_userbyid(roleid) in (reaper, twin)
         and not rolsuper and member.rolname not in (current_user, twin)
    loop
      statement := concat_ws(' ', format('revoke %I from %I', item.role, item.member),
        case when version >= 160000 then format('granted by %I', item.grantor) end, 'cascade');
      begin
        execute statement;
      exception when insufficient_privilege then
        raise exception '% may not take the role % from %', current_user, item.role, item.member
          using errcode = 'insufficient_privilege', hint = format('As %s, or as a superuser: %s;', item.grantor, statement);
      end;
    end loop;
  end if;
  -- Who made the role, or had it, knows its password.
  if adopting or unarmed then
    for item in
      select rolname from pg_roles
       where rolname = reaper or (rolname = twin and pg_has_role(oid, role_id, 'MEMBER'))
    loop
      execute format('alter role %I password null', item.rolname);
    end loop;
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

  if mark is distinct from own_mark then
    execute format('comment on role %I is %L', reaper, own_mark);
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

  if owner is null then execute format('create schema %I', reaper); end if;

  execute format($create$
    create or replace function %I.limited_roles() returns text[]
      language sql immutable security definer set search_path = pg_catalog, pg_temp
      as %L
    $create$, reaper, format('select %L::text[]', limited));

  execute format($create$
    create or replace function %I.set_connection_limit(role name, connection_limit integer) returns void
      language plpgsql security definer
      -- Ours alone, so that no object or operator of the caller's comes before the server's.
      set search_path = pg_catalog, pg_temp
      as %L
    $create$, reaper, format($function$
    begin
      -- More than all connections there can be would lift a limit that is in effect.
      if connection_limit is null or connection_limit not between 0 and current_setting('max_connections')::int then
        raise exception 'invalid connection limit: %%. It must be between 0 and max_connections, which is %%',
          coalesce(connection_limit::text, 'null'), current_setting('max_connections')
          using errcode = 'invalid_parameter_value';
      end if;
      if (role = any (%I.limited_roles())) is not true
         or exists (select from pg_catalog.pg_roles where rolname = role and rolsuper) then
        raise exception 'permission denied to set the connection limit of role "%%"', role
          using errcode = 'insufficient_privilege',
                detail = 'Only roles that were declared when the reaper''s role was set up, and never superusers.';
      end if;
      execute format('alter role %%I connection limit %%s', role, connection_limit);
    end
    $function$, reaper));

  -- Everybody may call a function that is new, and default privileges or an earlier run may have let others in.
  for item in
    select 'function ' || p.oid::regprocedure as object, acl.grantee
      from pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
     where pronamespace = (select oid from pg_namespace where nspname = reaper) and grantee <> proowner
    union
    select format('schema %I', reaper), acl.grantee
      from pg_namespace, aclexplode(nspacl) acl
     where nspname = reaper and grantee <> nspowner
  loop
    execute format('revoke all on %s from %s', item.object,
                   case when item.grantee = 0 then 'public' else format('%I', pg_get_userbyid(item.grantee)) end);
  end loop;
  execute format('grant usage on schema %1$I to %1$I', reaper);
  execute format('grant execute on function %1$I.limited_roles() to %1$I', reaper);
  execute format('grant execute on function %1$I.set_connection_limit(name, integer) to %1$I', reaper);

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
