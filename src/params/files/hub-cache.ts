/**
 * The cache that huggingface_hub keeps in Python, for one repository: `blobs/<etag>`, `refs/<revision>` with the commit in it, and
 * `snapshots/<commit>/<path>`, links to blobs; `.no_exist/<commit>/<path>` remembers what a commit has not.
 */
import { platform } from '../platform.ts'
import { codeOf, isAbsence } from './disk.ts'

/** Commits and etags become names of files, so nothing else may. */
export const isPlainName = (name: string): boolean => /^[\w-][\w.-]{0,200}$/.test(name)

/** The folders of one repository. */
export type HubCache = {
  /** The file of a snapshot, if it is here. */
  readonly find: (commit: string, parts: readonly string[]) => Promise<string | undefined>
  /** Is anything of this commit here? */
  readonly hasCommit: (commit: string) => Promise<boolean>
  /** Is it known that this commit has no such file? */
  readonly isAbsent: (commit: string, parts: readonly string[]) => Promise<boolean>
  readonly setAbsent: (commit: string, parts: readonly string[]) => Promise<void>
  /** The commit that a branch or tag was at when it was last asked for. */
  readonly commitOf: (revision: readonly string[]) => Promise<string | undefined>
  readonly setCommit: (revision: readonly string[], commit: string) => Promise<void>
  readonly blobs: string
  readonly blob: (etag: string) => string
  /** Makes a blob the file of a snapshot, and says where it is. */
  readonly link: (etag: string, commit: string, parts: readonly string[]) => Promise<string>
}

const refusals = ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'UNKNOWN']

const temporary = (file: string): string => `${file}.${platform().crypto.randomBytes(4).toString('hex')}.tmp`

/** The cache of a repository, `org/name`, under a root folder. */
export const hubCache = (root: string, repository: string): HubCache => {
  const { fs, path } = platform()
  const base = path.join(root, `models--${repository.replaceAll('/', '--')}`)
  const snapshot = (commit: string, parts: readonly string[]): string => path.join(base, 'snapshots', commit, ...parts)
  const absent = (commit: string, parts: readonly string[]): string => path.join(base, '.no_exist', commit, ...parts)
  const blob = (etag: string): string => path.join(base, 'blobs', etag)
  const isFile = async (file: string): Promise<boolean> => {
    try {
      return (await fs.stat(file)).isFile()
    } catch (error) {
      if (isAbsence(error)) return false
      throw error
    }
  }
  const folderFor = (file: string): Promise<unknown> => fs.mkdir(path.dirname(file), { recursive: true })
  // What is written besides the blobs only saves a question the next time; the cache may be on a read-only disk.
  const tried = (task: Promise<unknown>): Promise<void> =>
    task.then(
      () => undefined,
      () => undefined,
    )
  const writeRef = async (file: string, commit: string): Promise<void> => {
    if ((await fs.readFile(file, 'utf8').catch(() => '')) === commit) return
    await folderFor(file)
    const draft = temporary(file)
    await fs.writeFile(draft, commit)
    await fs.rename(draft, file)
  }
  const touch = async (file: string): Promise<void> => {
    await folderFor(file)
    await fs.writeFile(file, '', { flag: 'a' })
  }
  const copy = async (from: string, to: string): Promise<void> => {
    const draft = temporary(to)
    await fs.copyFile(from, draft)
    await fs.rename(draft, to)
  }
  return {
    find: async (commit, parts) => {
      const file = snapshot(commit, parts)
      return (await isFile(file)) ? file : undefined
    },
    hasCommit: (commit) =>
      fs.stat(snapshot(commit, [])).then(
        (s) => s.isDirectory(),
        () => false,
      ),
    isAbsent: (commit, parts) => isFile(absent(commit, parts)),
    setAbsent: (commit, parts) => tried(touch(absent(commit, parts))),
    commitOf: async (revision) => {
      const commit = await fs.readFile(path.join(base, 'refs', ...revision), 'utf8').catch(() => '')
      return isPlainName(commit.trim()) ? commit.trim() : undefined
    },
    setCommit: (revision, commit) => tried(writeRef(path.join(base, 'refs', ...revision), commit)),
    blobs: path.join(base, 'blobs'),
    blob,
    link: async (etag, commit, parts) => {
      const file = snapshot(commit, parts)
      await folderFor(file)
      try {
        await fs.symlink(path.relative(path.dirname(file), blob(etag)), file)
      } catch (error) {
        const code = codeOf(error) ?? ''
        if (code === 'EEXIST' && !(await isFile(file))) {
          await fs.rm(file) // a link to a blob that was deleted
          await fs.symlink(path.relative(path.dirname(file), blob(etag)), file)
        } else if (refusals.includes(code)) await copy(blob(etag), file)
        else if (code !== 'EEXIST') throw error
      }
      return file
    },
  }
}
