# A worker as a task of the Windows Task Scheduler, started with the machine. See docs/services.md. Run as administrator:
#   .\worker-task.ps1 -Manager http://farm:8080 -User FARM\framehouse
param(
    [Parameter(Mandatory)] [string] $Manager,
    [Parameter(Mandatory)] [string] $User,
    [string] $Program = 'C:\Program Files\Framehouse',
    [string] $Data = 'C:\ProgramData\Framehouse\worker'
)

$credential = Get-Credential -UserName $User -Message 'The service user that renders'
# No --can-restart: the worker starts itself anew when the manager asks for it. The scheduler would not.
$action = New-ScheduledTaskAction -Execute (Join-Path $Program 'framehouse.cmd') -Argument "worker --manager $Manager --data `"$Data`""
$settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -Priority 5 -MultipleInstances IgnoreNew `
    -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -RestartCount 99 -RestartInterval (New-TimeSpan -Minutes 1)
Register-ScheduledTask -TaskName 'Framehouse worker' -Action $action -Trigger (New-ScheduledTaskTrigger -AtStartup) -Settings $settings `
    -User $credential.UserName -Password $credential.GetNetworkCredential().Password -Force
Start-ScheduledTask -TaskName 'Framehouse worker'
