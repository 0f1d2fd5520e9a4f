import Region
import Settings

func regionConfiguration(_ text: String) {
  let file = SettingsFile(name: "region.yaml", text: text, keys: RegionSettings.keys)
  let resolver = SettingsResolver(flags: [:], environment: [:], file: file)
  do {
    _ = try RegionSettings(resolver, fileProblems: file.problems)
  } catch {
    precondition(!error.problems.isEmpty, "a refusal says nothing")
  }
  precondition(resolver.effective(RegionSettings.keys).count == RegionSettings.keys.count, "a setting has no effective value")
}
