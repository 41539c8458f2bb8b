export async function run(args: string[]): Promise<number> {
  return args.length
}
