import { DefaultTokenResolver, Reference, StringConcat, Tokenization } from 'aws-cdk-lib';
import { CfnDBCluster, CfnDBInstance } from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IConstruct } from 'constructs';

/** The logins that a database tells of. */
export interface DatabaseLogin {
  /** The master user's login, with which a role of the reaper's own can be made. */
  readonly adminSecret: ISecret | undefined;
  /** Of a replica, which takes its roles from its source: the login of the source's reaper, else the source's own. */
  readonly secret: ISecret | undefined;
  readonly isReplica: boolean;
}

/** A database of this app. */
type MadeDatabase = CfnDBCluster | CfnDBInstance;

/** The logins of reapers, by what they reap: a replica has the roles of its source, and so that of its reaper. */
const REAPER_LOGINS = new WeakMap<IConstruct, ISecret>();

/** Tells the reapers of its replicas, which are made after it, what login the reaper of a database has. */
export function noteReaperLogin(database: IConstruct, login: ISecret): void {
  REAPER_LOGINS.set(database, login);
}

/**
 * What a database tells of logins.
 *
 * @param secret that CDK made for it.
 * @param sourceIdentifier of a replica: what its template calls the source.
 */
export function loginOf(
  made: MadeDatabase | undefined,
  secret: ISecret | undefined,
  sourceIdentifier: string | undefined,
): DatabaseLogin {
  if (made === undefined || sourceIdentifier === undefined) {
    return { adminSecret: appliedSecret(made, secret), secret: undefined, isReplica: false };
  }
  const [source, madeSource] = sourceOf(made, sourceIdentifier);
  const ofReaper = source && REAPER_LOGINS.get(source);
  return { adminSecret: undefined, secret: ofReaper ?? appliedSecret(madeSource, source?.secret), isReplica: true };
}

/** CDK makes a secret also where a snapshot brings its own password, which the secret then doesn't hold. */
function appliedSecret(made: MadeDatabase | undefined, secret: ISecret | undefined): ISecret | undefined {
  if (made === undefined) return secret;
  return made.masterUserPassword !== undefined || made.manageMasterUserPassword === true ? secret : undefined;
}

/** The source of a replica that was made in this app, which the replica itself knows only by a reference in its template. */
function sourceOf(
  replica: MadeDatabase,
  sourceIdentifier: string,
): readonly [(IConstruct & { readonly secret?: ISecret }) | undefined, MadeDatabase | undefined] {
  const targets: unknown[] = [];
  class Recorder extends DefaultTokenResolver {
    override resolveToken(...[token, ...rest]: Parameters<DefaultTokenResolver['resolveToken']>): unknown {
      if (Reference.isReference(token)) targets.push(token.target);
      return super.resolveToken(token, ...rest);
    }
  }
  Tokenization.resolve(sourceIdentifier, {
    scope: replica,
    preparing: false,
    resolver: new Recorder(new StringConcat()),
  });
  const made = targets.find((target) => target instanceof CfnDBInstance || target instanceof CfnDBCluster);
  return [made?.node.scope, made];
}
